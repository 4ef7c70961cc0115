import { afterEach, describe } from 'vitest';
import { describeCodes } from './codes';
import { describeCounting } from './counting';
import { describeCrowds } from './crowds';
import { useHost } from './fixture';
import { describeHolds } from './holds';
import type { Host } from './host';
import { enumStatus, neededColumns, own, renamed, softDeletes, sumOnly, textIds } from './hosts';
import { describeInstalling, describeUninstalling } from './installing';
import { describeProperty } from './property';
import { describeReading } from './reading';
import { describeRedeeming } from './redeeming';

/** `npm test` has one host of each kind, the matrix (`npm run test:matrix`) has all of them. */
const EVERYDAY = [own, renamed, textIds, softDeletes, enumStatus, sumOnly, neededColumns];

/** The whole contract, on one host. Whatever a test does, the counters are true after it. */
export function describeContract(host: Host): void {
  const isLeftOut = process.env.TEST_HOSTS !== 'all' && !EVERYDAY.includes(host);
  if (isLeftOut)
    console.log(`SKIPPED: the contract on ${host.name}, which is for TEST_HOSTS=all (npm run test:matrix)`);
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
