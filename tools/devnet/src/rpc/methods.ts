import { authorMethods, closedAuthorMethods } from './methods-author.js';
import { chainMethods } from './methods-chain.js';
import { grandpaMethods } from './methods-grandpa.js';
import { phaMethods } from './methods-pha.js';
import { stateMethods } from './methods-state.js';
import { systemMethods } from './methods-system.js';
import type { MethodTable, RpcNode } from './node.js';

/** All methods of a node, `rpc_methods` included. */
export function nodeMethods(node: RpcNode): MethodTable {
  const parts = [
    systemMethods(node),
    chainMethods(node),
    stateMethods(node),
    node.pool === undefined ? closedAuthorMethods() : authorMethods(node, node.pool),
    ...(node.finality === undefined ? [] : [grandpaMethods(node.finality)]),
    ...(node.pha ? [phaMethods(node)] : []),
  ];
  const table: MethodTable = {
    methods: Object.fromEntries(parts.flatMap((part) => Object.entries(part.methods))),
    subscriptions: Object.fromEntries(parts.flatMap((part) => Object.entries(part.subscriptions))),
  };
  const names = [
    'rpc_methods',
    ...Object.keys(table.methods),
    ...Object.entries(table.subscriptions).flatMap(([name, { unsubscribe }]) => [
      name,
      unsubscribe,
    ]),
  ].sort();
  table.methods['rpc_methods'] = () => ({ version: 1, methods: names });
  return table;
}
