import type { Command } from 'commander';
import { OrderKind, type OrderAnswer, type OrderEffect } from '@runtime-bridge/walkie-protocol';
import { NotPossibleError } from './errors.js';
import type { Runner } from './program.js';
import type { Manager } from './session.js';
import { print, type Show } from './show.js';
import { formatTable } from './table.js';
import { toJson } from './terminal.js';

const actions = [
  ['stop', 'StopWorker', 'have workers compute no longer; they cool down and are kept at the head'],
  ['drain', 'DrainWorker', 'stop workers, and disable them once their last messages are on chain'],
  ['reclaim', 'ReclaimWorker', 'free the stake of stopped workers when they have cooled down'],
  ['resume', 'ResumeWorker', 'take back what was ordered; workers compute again'],
] as const;
const kinds: Partial<Record<OrderKind, string>> = {
  [OrderKind.OK_STOP]: 'stop',
  [OrderKind.OK_DRAIN]: 'drain',
  [OrderKind.OK_RECLAIM]: 'reclaim',
};

/** Commands about what workers do on chain. Each only tells what would happen, until it is given `--yes`. */
export function addOrderCommands(program: Command, runner: Runner): void {
  for (const [name, method, description] of actions) {
    program
      .command(name)
      .description(description)
      .argument('<workers...>', 'names or uuids')
      .option('--yes', 'really; without it only what would happen is shown', false)
      .action((names: string[], { yes }: { yes: boolean }) =>
        runner.withManager(async (manager, show) => {
          const ids = (await manager.workersNamed(names)).map(({ uuid }) => uuid);
          const { client, options } = manager;
          let answer = await client.call(method, { ids }, options);
          // Just what is shown is ordered.
          if (yes && answer.confirmation !== '') {
            const { confirmation } = answer;
            answer = await client.call(method, { ids, confirmation }, options);
          }
          tell(show, name, answer, yes);
        }),
      );
  }
  program
    .command('orders')
    .description('list the orders that stand, and how far they are')
    .action(() => runner.withManager((manager, show) => showOrders(show, manager)));
}

function tell(show: Show, name: string, answer: OrderAnswer, yes: boolean): void {
  const { accepted, effects } = answer;
  const isPossible = effects.every(({ possible }) => possible);
  if (show.json) {
    show.terminal.out(toJson({ accepted, effects: effects.map(effectJson) }));
  } else {
    for (const { name: worker, text, possible } of effects) {
      show.terminal.out(`${possible ? ' ' : show.paint('!', 'red')} ${worker}: ${text}`);
    }
    if (accepted) show.terminal.out(`${name}: ordered for ${effects.length} workers`);
    else if (isPossible && !yes) show.terminal.out('Nothing ordered; --yes does it');
  }
  if (!isPossible) throw new NotPossibleError(name, 'for those marked, so for none');
  if (yes && !accepted) throw new NotPossibleError(name, 'since a worker changed meanwhile');
}

async function showOrders(show: Show, manager: Manager): Promise<void> {
  const { orders } = await manager.client.call('ListStandingOrders', {}, manager.options);
  const names = new Map((await manager.workers()).map(({ uuid, name }) => [uuid, name]));
  const rows = orders.map((order) => ({
    name: names.get(order.workerUuid) ?? order.workerUuid,
    order: kinds[order.kind] ?? `${order.kind}`,
    since: timeOf(order.sinceMs),
    done: order.done,
    cooledDown: timeOf(order.cooledDownMs),
    text: order.text,
  }));
  print(show, rows, () =>
    formatTable(
      [
        { title: 'NAME' },
        { title: 'ORDER' },
        { title: 'SINCE' },
        { title: 'DONE' },
        { title: 'COOLED DOWN' },
        { title: 'HOW FAR', maxWidth: 120 },
      ],
      rows.map(({ name, order, since, done, cooledDown, text }) => [
        name,
        order,
        since,
        done ? 'yes' : 'no',
        cooledDown,
        text,
      ]),
    ),
  );
}

const timeOf = (ms: bigint) => (ms === 0n ? '' : new Date(Number(ms)).toISOString());

const effectJson = (effect: OrderEffect) => ({
  name: effect.name,
  pid: effect.pid,
  possible: effect.possible,
  text: effect.text,
  sessionState: effect.sessionState,
  stake: effect.stake,
  cooledDown: timeOf(effect.cooledDownMs),
});
