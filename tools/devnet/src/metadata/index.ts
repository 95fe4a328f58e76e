export { relayMetadata } from './relay.js';
