import type { ChainProgress } from '../../../src/api/contract.js';
import { countOf, formatCount, formatRate, formatSpan, percentOf } from '../view/format.js';

/** How far somebody is on a chain: a bar, height of target, what is left, rate and time. */
export function ChainMeter({ label, progress }: { label: string; progress: ChainProgress }) {
  const { done, target, perMinute, etaSec } = progress;
  const percent = percentOf(done, target);
  const lag = done === null || target === null ? null : Math.max(0, target - done);
  const isAtHead = lag !== null && lag <= 3;
  return (
    <div className="rb-meter">
      <div className="rb-meter-head">
        <span>{label}</span>
        <span className="rb-figures">
          <b>{formatCount(done)}</b>
          <span className="rb-dim"> of {formatCount(target)}</span>
        </span>
      </div>
      <div
        className="rb-track"
        role="progressbar"
        aria-label={`${label}: blocks served`}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(percent === undefined ? {} : { 'aria-valuenow': percent })}
      >
        <span
          className={isAtHead ? 'rb-track-fill rb-track-ok' : 'rb-track-fill'}
          style={{ width: `${percent ?? 0}%` }}
        />
      </div>
      <div className="rb-meter-foot">
        <span>
          {lag === null
            ? 'height not known'
            : isAtHead
              ? 'at the head'
              : `${countOf(lag, 'block')} behind`}
        </span>
        <span>
          {perMinute === null ? '' : `${formatRate(perMinute)} blocks/min`}
          {etaSec !== null && !isAtHead ? ` · head in ${formatSpan(etaSec * 1_000)}` : ''}
        </span>
      </div>
    </div>
  );
}
