export { MemoryNetwork, MemoryWalkie, type MemoryWalkieOptions } from './memory-network.js';
