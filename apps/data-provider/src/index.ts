export { providerInfo, type InfoFacts, type ProviderInfo } from './provider-info.js';
export {
  createDataProvider,
  type DataProvider,
  type DataProviderCollaborators,
} from './service.js';
export { dataProviderSettings, retiredVariables, type DataProviderSettings } from './settings.js';
