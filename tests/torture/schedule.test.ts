import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../torture/random';
import { networkFaults, ownFaults, planFaults, serverFaults } from '../../torture/schedule';

const others = [...ownFaults, ...serverFaults];

describe('the schedule', () => {
  it('is the same for the same seed, and another for another one', () => {
    expect(planFaults(7, 30_000, others)).toEqual(planFaults(7, 30_000, others));
    expect(planFaults(8, 30_000, others)).not.toEqual(planFaults(7, 30_000, others));
  });

  it('has every kind of fault, also in half a minute, in the order of time, and ends before the campaign does', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const { network, others: rest } = planFaults(seed, 30_000, others);
      expect(new Set(network.map(({ name }) => name))).toEqual(new Set(networkFaults));
      expect(new Set(rest.map(({ name }) => name)), `seed ${seed}`).toEqual(new Set(others));
      for (const track of [network, rest]) {
        const times = track.map(({ atMs }) => atMs);
        expect(times).toEqual([...times].sort((one, other) => one - other));
        expect(times.at(-1)).toBeLessThan(30_000 - 1_000);
      }
    }
  });

  it('leaves out what cannot be injected', () => {
    expect(planFaults(1, 60_000, ['terminate']).others.every(({ name }) => name === 'terminate')).toBe(true);
    expect(planFaults(1, 60_000, []).others).toEqual([]);
  });
});

describe('chance', () => {
  it('is spread evenly and stays within its bounds', () => {
    const random = seededRandom('spread');
    const counts = Array.from({ length: 6 }, () => 0);
    for (let left = 60_000; left > 0; left -= 1) {
      const value = random.between(0, 5);
      counts[value]! += 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(9_500);
    expect(Math.max(...counts)).toBeLessThan(10_500);
    expect(random.shuffled([1, 2, 3]).sort()).toEqual([1, 2, 3]);
  });
});
