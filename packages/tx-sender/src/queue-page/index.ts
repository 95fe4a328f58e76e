export { arenaPage } from './arena-page.js';
export { listPage, type QueueListing } from './list-page.js';
export {
  PageServer,
  type OpenPage,
  type PageHandler,
  type PageServerOptions,
} from './page-server.js';
export { loadOrCreatePageToken } from './page-token.js';
