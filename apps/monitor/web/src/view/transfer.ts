import type { TransferFormat } from '../../../src/api/contract.js';

/** Formats by the names that people know. */
export const formatWords: Readonly<Record<TransferFormat, string>> = {
  csv: 'CSV',
  yaml: 'YAML',
  json: 'JSON',
  prbv3: 'PRBv3',
};

/** Which format a text seems to be in. */
export function guessFormat(text: string): TransferFormat {
  const start = text.trimStart();
  if (start.startsWith('{') || start.startsWith('[')) {
    // PRBv3 lists pools with the workers inside.
    return /"pool"\s*:\s*\{/.test(start.slice(0, 2_000)) ? 'prbv3' : 'json';
  }
  const [firstLine = ''] = start.split('\n', 1);
  return /^"?\w+"?\s*,/.test(firstLine) ? 'csv' : 'yaml';
}

/** What a text in a format looks like. */
export function exampleOf(format: TransferFormat): string {
  switch (format) {
    case 'csv':
      return [
        'kind,pid,name,endpoint,stake,enabled,syncOnly',
        'worker,42,rack1-node1,http://10.0.1.1:8000,2500000000000000,true,false',
        'worker,42,rack1-node2,http://10.0.1.2:8000,2500000000000000,true,false',
      ].join('\n');
    case 'yaml':
      return [
        'workers:',
        '  - pid: "42"',
        '    name: rack1-node1',
        '    endpoint: http://10.0.1.1:8000',
        '    stake: "2500000000000000"',
        '    enabled: true',
      ].join('\n');
    case 'json':
      return '{ "workers": [ { "pid": "42", "name": "rack1-node1", "endpoint": "http://10.0.1.1:8000", "stake": "2500000000000000", "enabled": true } ] }';
    case 'prbv3':
      return 'The output of GetAllPoolsWithWorkers';
  }
}
