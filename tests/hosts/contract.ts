import { afterEach, describe } from 'vitest';
import { describeCodes } from './codes';
import { describeCounting } from './counting';
import { describeCrowds } from './crowds';
import { useHost } from './fixture';
import { describeHolds } from './holds';
import type { Host } from './host';
import { describeInstalling, describeUninstalling } from './installing';
import { describeProperty } from './property';
import { describeReading } from './reading';
import { describeRedeeming } from './redeeming';

/** The whole contract, on one host. Whatever a test does, the counters are true after it. */
export function describeContract(host: Host): void {
  describe(`on ${host.name}`, () => {
    const h = useHost(host);
    afterEach(() => h.expectTrue());

    describeInstalling(h);
    describeCodes(h);
    describeRedeeming(h);
    describeCrowds(h);
    describeHolds(h);
    describeReading(h);
    describeCounting(h);
    describeProperty(h);
    describeUninstalling(h);
  });
}
