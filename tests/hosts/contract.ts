import { afterEach, describe } from 'vitest';
import { cases } from '../support';
import { describeCodes } from './codes';
import { describeCounting } from './counting';
import { describeCrowds } from './crowds';
import { useHost } from './fixture';
import { describeHolds } from './holds';
import type { Host } from './host';
import { enumStatus, renamed, softDeletes } from './hosts';
import { describeInstalling, describeUninstalling } from './installing';
import { describeProperty } from './property';
import { describeReading } from './reading';
import { describeRedeeming } from './redeeming';

/** One host of each kind, for `npm test`; our own is that of the other tests. */
const EVERYDAY = [renamed, softDeletes, enumStatus];

/** The whole contract, on one host. Whatever a test does, the counters are true after it. */
export function describeContract(host: Host): void {
  const isLeftOut = cases(`contracts, on ${host.name},`, [host], () => EVERYDAY.includes(host)).length === 0;
  // Not `each`: a file without any suite is an error.
  describe.skipIf(isLeftOut)(`on ${host.name}`, () => {
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
