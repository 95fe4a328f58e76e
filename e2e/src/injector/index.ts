export { INJECTIONS, type InjectionKind } from './injections.js';
export { Injector, type InjectionRecord, type InjectorOptions } from './injector.js';
