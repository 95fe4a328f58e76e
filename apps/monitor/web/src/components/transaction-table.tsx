import { Fragment, useState } from 'react';
import { Link } from 'wouter';
import { ActionIcon } from '@mantine/core';
import type { TransactionRow } from '../../../src/api/contract.js';
import { formatPha } from '../../../src/api/amounts.js';
import { errorMeanings } from '../../../src/api/glossary.js';
import { workerPath } from '../view/alerts.js';
import { formatAgo, formatCount, formatSpan, formatTime, UNKNOWN } from '../view/format.js';
import { lookOfTransaction } from '../view/tones.js';
import { wordOfTransaction } from '../view/transactions.js';
import { Chip } from './chip.js';
import { Copyable } from './copyable.js';
import { Icon } from './icons.js';
import { Fact, Facts, Note } from './page.js';
import { useNow } from './use-now.js';

/** Transactions, the newest first; each opens to all that is known of it. Failed ones say why and what to do. */
export function TransactionTable({
  transactions,
  managerNames,
  isOfOneWorker = false,
}: {
  transactions: readonly TransactionRow[];
  /** Shown where there are several. */
  managerNames: ReadonlyMap<string, string>;
  isOfOneWorker?: boolean;
}) {
  const now = useNow(5_000);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const keyOf = (row: TransactionRow) => `${row.manager} ${row.jobId}`;
  const flip = (key: string) =>
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(key)) after.add(key);
      return after;
    });
  const columns = 5 + (isOfOneWorker ? 0 : 1);
  return (
    <div className="rb-table-room" tabIndex={0} role="group" aria-label="Transactions">
      <table className="rb-table rb-transactions">
        <thead>
          <tr>
            <th scope="col">
              <span className="rb-hidden">Details</span>
            </th>
            <th scope="col">State</th>
            <th scope="col">What</th>
            {isOfOneWorker ? null : <th scope="col">For</th>}
            <th scope="col">Queued</th>
            <th scope="col" className="rb-right">
              Block
            </th>
          </tr>
        </thead>
        <tbody>
          {transactions.map((row) => {
            const key = keyOf(row);
            const isOpen = open.has(key);
            return (
              <Fragment key={key}>
                <tr data-state={row.state}>
                  <td>
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      size="sm"
                      aria-expanded={isOpen}
                      aria-label={`Details of ${wordOfTransaction(row.action)}`}
                      onClick={() => flip(key)}
                    >
                      <Icon name={isOpen ? 'down' : 'right'} size={16} />
                    </ActionIcon>
                  </td>
                  <td>
                    <Chip look={lookOfTransaction(row.state)} />
                  </td>
                  <td>
                    <div>{wordOfTransaction(row.action)}</div>
                    {row.error === null ? null : <Why row={row} />}
                  </td>
                  {isOfOneWorker ? null : (
                    <td>
                      {row.workerUuid === '' ? (
                        <span className="rb-dim">pool {row.pid}</span>
                      ) : (
                        <>
                          <Link href={workerPath({ manager: row.manager, uuid: row.workerUuid })}>
                            {row.workerName || 'a worker'}
                          </Link>
                          <span className="rb-dim"> · pool {row.pid}</span>
                        </>
                      )}
                      {managerNames.size > 1 ? (
                        <div className="rb-dim">{managerNames.get(row.manager)}</div>
                      ) : null}
                    </td>
                  )}
                  <td>
                    <span title={formatTime(row.queuedMs)}>{formatAgo(row.queuedMs, now)}</span>
                    {row.endedMs === null || row.queuedMs === null ? null : (
                      <div className="rb-dim">took {formatSpan(row.endedMs - row.queuedMs)}</div>
                    )}
                  </td>
                  <td className="rb-right">{formatCount(row.block)}</td>
                </tr>
                {isOpen ? (
                  <tr>
                    <td colSpan={columns} className="rb-transaction-more">
                      <Details row={row} />
                    </td>
                  </tr>
                ) : null}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** Why it failed, and what to do. */
function Why({ row }: { row: TransactionRow }) {
  if (row.error === null) return null;
  const remedy = row.error.remedy ?? errorMeanings[row.error.code]?.remedy ?? '';
  return (
    <div className="rb-why">
      <div className="rb-text-bad">{row.error.message}</div>
      {remedy === '' ? null : (
        <div>
          <b>What to do:</b> {remedy}
        </div>
      )}
    </div>
  );
}

function Details({ row }: { row: TransactionRow }) {
  const look = lookOfTransaction(row.state);
  return (
    <div className="rb-stack">
      {row.error === null ? null : (
        <Note shade="bad" icon="errorCircle">
          <code>{row.error.code}</code> {errorMeanings[row.error.code]?.meaning ?? ''}
        </Note>
      )}
      <Facts>
        <Fact label="State">{look.meaning}</Fact>
        <Fact label="Extrinsic">
          {row.txHash === null ? (
            UNKNOWN
          ) : (
            <Copyable text={row.txHash} what="hash of the extrinsic" />
          )}
        </Fact>
        <Fact label="Nonce">{row.nonce ?? UNKNOWN}</Fact>
        <Fact label="Fee">{row.fee === null ? 'not told' : `${formatPha(row.fee)} PHA`}</Fact>
        <Fact label="Queued">{formatTime(row.queuedMs)}</Fact>
        <Fact label="When it was over">{formatTime(row.endedMs)}</Fact>
        <Fact label="Action">
          <code>{row.action}</code>
        </Fact>
        <Fact label="Job">
          <Copyable text={row.jobId} what="id of the job" head={18} tail={8} />
        </Fact>
      </Facts>
    </div>
  );
}
