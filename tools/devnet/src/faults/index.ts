export {
  FaultParams,
  FaultDose,
  FaultRequestError,
  faultFromJson,
  formatFault,
  parseFault,
  type FaultRequest,
} from './fault.js';
export { FaultBook, type FaultInForce, type FaultTarget } from './fault-book.js';
export { NODE_FAULTS, NodeFaults } from './node-faults.js';
