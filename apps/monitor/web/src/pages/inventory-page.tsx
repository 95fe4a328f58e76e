import { Button, Checkbox, FileButton, Select, Textarea } from '@mantine/core';
import { useState } from 'react';
import {
  apiPaths,
  type ImportRequest,
  type ImportResult,
  type TransferFormat,
} from '../../../src/api/contract.js';
import { Icon } from '../components/icons.js';
import { Note, Nothing, Page, Panel, Trouble } from '../components/page.js';
import { ImportDifference } from '../inventory/import-difference.js';
import { callApi, callForText } from '../live/api-client.js';
import { useModel } from '../live/fleet-context.js';
import { useSession } from '../live/session-context.js';
import { countOf, formatCount } from '../view/format.js';
import { exampleOf, formatWords, guessFormat } from '../view/transfer.js';
import { nameOfPeer } from '../view/worker-list.js';

const formats = Object.keys(formatWords) as TransferFormat[];
const MAX_BYTES = 4 * 1024 * 1024;

/** Many pools and workers at once: in by paste or file, with a look at the difference first; out as a file. */
export function InventoryPage() {
  const model = useModel();
  const { isOperator } = useSession();
  const managers = [...model.managers.values()];
  const [chosen, setChosen] = useState<string | null>(null);
  const manager = chosen ?? managers[0]?.peerId;
  if (manager === undefined) {
    return (
      <Page title="Import & export">
        <Nothing icon="server" title="No manager has been found">
          <p>Pools and workers are kept by a lifecycle manager.</p>
        </Nothing>
      </Page>
    );
  }
  return (
    <Page
      title="Import & export"
      lead="Pools and workers as text: CSV, YAML, JSON, or what PRBv3 tells. Keys are never in an export."
      actions={
        managers.length > 1 ? (
          <Select
            aria-label="Manager"
            data={managers.map((one) => ({ value: one.peerId, label: nameOfPeer(one, managers) }))}
            value={manager}
            onChange={setChosen}
            allowDeselect={false}
          />
        ) : null
      }
    >
      <ExportPanel key={`out ${manager}`} manager={manager} />
      {isOperator ? (
        <ImportPanel key={manager} manager={manager} />
      ) : (
        <Note shade="off">You may look only; importing is for operators.</Note>
      )}
    </Page>
  );
}

function ExportPanel({ manager }: { manager: string }) {
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState<TransferFormat>();
  const download = async (format: TransferFormat) => {
    setBusy(format);
    setError(undefined);
    try {
      const text = await callForText(apiPaths.inventory(manager), { query: { format } });
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
      link.download = `runtime-bridge-inventory.${format === 'prbv3' ? 'prbv3.json' : format}`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(undefined);
    }
  };
  return (
    <Panel title="Export" icon="download">
      <div className="rb-row">
        {formats.map((format) => (
          <Button
            key={format}
            variant="default"
            leftSection={<Icon name="download" />}
            loading={busy === format}
            onClick={() => void download(format)}
          >
            {formatWords[format]}
          </Button>
        ))}
      </div>
      {error === undefined ? null : <Trouble error={error} />}
    </Panel>
  );
}

function ImportPanel({ manager }: { manager: string }) {
  const [text, setText] = useState('');
  const [format, setFormat] = useState<TransferFormat | null>(null);
  const [prune, setPrune] = useState(false);
  const [skipFaulty, setSkipFaulty] = useState(false);
  const [plan, setPlan] = useState<ImportResult>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const used = format ?? guessFormat(text);
  const change = (next: string) => {
    setText(next);
    setPlan(undefined);
    setError(undefined);
  };

  const send = async (dryRun: boolean) => {
    setBusy(true);
    setError(undefined);
    const body: ImportRequest = {
      format: used,
      text,
      prune,
      dryRun,
      skipFaulty,
      ...(dryRun || plan === undefined ? {} : { planId: plan.planId }),
    };
    try {
      const result = await callApi<ImportResult>(apiPaths.inventory(manager), {
        method: 'POST',
        body,
      });
      setPlan(result);
      // It may hold phrases of operators: gone from the page as soon as it has served.
      if (result.applied) setText('');
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const readFile = async (file: File | null) => {
    if (file === null) return;
    if (file.size > MAX_BYTES) setError(new Error('The file is larger than 4 MiB.'));
    else change(await file.text());
  };

  const canApply =
    plan !== undefined &&
    !plan.applied &&
    plan.changes.length > 0 &&
    (plan.faults.length === 0 || skipFaulty);
  return (
    <Panel title="Import" icon="upload">
      <div className="rb-stack">
        <Textarea
          label="What to import"
          description="Paste it here, or choose a file. Pools are the same by their id, workers by their name: those that are there are changed, the others created."
          placeholder={exampleOf(format ?? 'csv')}
          autosize
          minRows={7}
          maxRows={18}
          spellCheck={false}
          classNames={{ input: 'rb-mono' }}
          value={text}
          onChange={(event) => change(event.currentTarget.value)}
        />
        <div className="rb-row">
          <FileButton accept=".csv,.yaml,.yml,.json,.txt" onChange={(file) => void readFile(file)}>
            {(props) => (
              <Button variant="default" leftSection={<Icon name="upload" />} {...props}>
                Choose a file
              </Button>
            )}
          </FileButton>
          <Select
            aria-label="Format"
            w={190}
            placeholder={text === '' ? 'Format' : `${formatWords[used]}, as it looks`}
            clearable
            data={formats.map((value) => ({ value, label: formatWords[value] }))}
            value={format}
            onChange={(value) => {
              setFormat(value);
              setPlan(undefined);
            }}
          />
          <Checkbox
            label="Delete what is not in it"
            checked={prune}
            onChange={(event) => {
              setPrune(event.currentTarget.checked);
              setPlan(undefined);
            }}
          />
          <span className="rb-grow" />
          <Button
            variant={canApply ? 'default' : 'filled'}
            disabled={text.trim() === ''}
            loading={isBusy}
            onClick={() => void send(true)}
          >
            Show the difference
          </Button>
        </div>
        {error === undefined ? null : <Trouble error={error} />}
        {plan === undefined ? null : (
          <>
            <ImportDifference result={plan} />
            {plan.applied ? null : (
              <div className="rb-row">
                {plan.faults.length > 0 ? (
                  <Checkbox
                    label={`Leave out the ${countOf(plan.faults.length, 'faulty entry', 'faulty entries')}`}
                    checked={skipFaulty}
                    onChange={(event) => setSkipFaulty(event.currentTarget.checked)}
                  />
                ) : null}
                <span className="rb-grow" />
                <Button
                  disabled={!canApply}
                  loading={isBusy}
                  {...(plan.changes.some(({ action }) => action === 'delete')
                    ? { color: 'red.8' }
                    : {})}
                  onClick={() => void send(false)}
                >
                  Apply {formatCount(plan.changes.length)}{' '}
                  {plan.changes.length === 1 ? 'change' : 'changes'}
                </Button>
              </div>
            )}
          </>
        )}
      </div>
    </Panel>
  );
}
