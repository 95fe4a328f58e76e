import { describe, expect, it } from 'vitest';
import { ProgressMeter } from './progress.js';

describe('ProgressMeter', () => {
  it('tells rate and time left', () => {
    const meter = new ProgressMeter();
    expect(meter.sample(100, 1_000, 0)).toEqual({
      height: 100,
      target: 1_000,
      perSecond: undefined,
      etaSec: undefined,
    });
    expect(meter.sample(200, 1_000, 10_000)).toMatchObject({ perSecond: 10, etaSec: 80 });
    expect(meter.sample(1_000, 1_000, 20_000)).toMatchObject({ etaSec: 0 });
  });

  it('goes by the last minute', () => {
    const meter = new ProgressMeter();
    meter.sample(0, 10_000, 0);
    meter.sample(6_000, 10_000, 60_000);
    meter.sample(6_060, 10_000, 120_000);
    expect(meter.sample(6_120, 10_000, 180_000).perSecond).toBe(1);
  });

  it('knows no time left without target or movement', () => {
    const meter = new ProgressMeter();
    meter.sample(-1, -1, 0);
    expect(meter.sample(-1, -1, 1_000).etaSec).toBeUndefined();
    expect(meter.sample(-1, 50, 2_000).etaSec).toBeUndefined();
  });
});
