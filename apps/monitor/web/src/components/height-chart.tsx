import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import type { HeightHistory } from '../../../src/api/contract.js';
import { formatCount } from '../view/format.js';

const HEIGHT_PX = 230;

/** One line of the chart: a token of the palette says its colour. */
interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly token: string;
  readonly dash?: readonly number[];
}

/** Heights over time against the head of the chain. What it shows is also told in words. */
export function HeightChart({
  history,
  chain,
}: {
  history: HeightHistory;
  chain: 'relay' | 'para';
}) {
  const room = useRef<HTMLDivElement>(null);
  const lines = linesOf(history, chain);

  useEffect(() => {
    const element = room.current;
    if (element === null) return;
    let plot: uPlot | undefined;
    const draw = () => {
      plot?.destroy();
      plot = plotOf(element, history, linesOf(history, chain));
    };
    draw();
    const sizes = new ResizeObserver(() =>
      plot?.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
    );
    sizes.observe(element);
    // Colours are read from the style sheet when it is drawn.
    const themes = new MutationObserver(draw);
    themes.observe(document.documentElement, { attributeFilter: ['data-mantine-color-scheme'] });
    return () => {
      sizes.disconnect();
      themes.disconnect();
      plot?.destroy();
    };
  }, [history, chain]);

  const said = lines
    .map(({ label, values }) => `${label} ${formatCount(values.findLast((one) => one !== null))}`)
    .join(', ');
  return (
    <figure className="rb-figure">
      <div ref={room} className="rb-chart" role="img" aria-label={`Heights over time: ${said}`} />
      <figcaption className="rb-legend">
        {lines.map(({ label, token }) => (
          <span key={label} style={{ '--rb-swatch': `var(${token})` } as React.CSSProperties}>
            {label}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function linesOf(history: HeightHistory, chain: 'relay' | 'para'): Line[] {
  return chain === 'para'
    ? [
        {
          label: 'Head of the chain',
          values: history.paraHead,
          token: '--rb-off-solid',
          dash: [6, 4],
        },
        { label: 'Headers', values: history.paraHeader, token: '--rb-info-solid' },
        { label: 'Blocks', values: history.paraBlock, token: '--rb-ok-solid' },
      ]
    : [
        {
          label: 'Head of the chain',
          values: history.relayHead,
          token: '--rb-off-solid',
          dash: [6, 4],
        },
        { label: 'Headers', values: history.relayHeader, token: '--rb-info-solid' },
      ];
}

function plotOf(element: HTMLElement, history: HeightHistory, lines: readonly Line[]): uPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (token: string) => style.getPropertyValue(token).trim();
  const axis: uPlot.Axis = {
    stroke: colour('--rb-dim'),
    grid: { stroke: colour('--rb-line'), width: 1 },
    ticks: { show: false },
    font: '12px sans-serif',
  };
  return new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { y: false },
      padding: [8, 8, 0, 0],
      scales: { x: { time: true } },
      axes: [axis, { ...axis, size: 74, values: (_plot, ticks) => ticks.map(formatCount) }],
      series: [
        {},
        ...lines.map(({ label, token, dash }) => ({
          label,
          stroke: colour(token),
          width: 2,
          spanGaps: false,
          points: { show: false },
          ...(dash === undefined ? {} : { dash: [...dash] }),
        })),
      ],
    },
    [history.timesMs.map((ms) => ms / 1_000), ...lines.map(({ values }) => [...values])],
    element,
  );
}
