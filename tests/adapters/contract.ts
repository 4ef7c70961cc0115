import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientLike } from '../../src/adapters/index';
import { cases } from '../support';
import { useRepository } from '../support/repository';
import type { Adapted, HostTransaction, Isolation } from './adapted';
import { codesContract } from './contract-codes';
import { faultsContract } from './contract-faults';
import { installationContract } from './contract-installation';
import { redeemingContract } from './contract-redeeming';

/** What the parts of the contract have in hand. */
export interface Contract {
  t: ReturnType<typeof useRepository>;
  /** Commits when the work is done, and rolls back when it throws. */
  transaction<Result>(work: (given: Given) => Promise<Result>, isolation?: Isolation): Promise<Result>;
}

/** A transaction, and the client that the adapter made of it. */
export interface Given extends HostTransaction {
  client: ClientLike;
}

/** Thrown to roll back, where nothing is wrong. */
class Rollback extends Error {}

/** Runs the work in a transaction that is rolled back, and gives its result. */
export async function undone<Result>(
  { transaction }: Contract,
  work: (given: Given) => Promise<Result>,
): Promise<Result> {
  let result: { value: Result } | undefined;
  await transaction(async (given) => {
    result = { value: await work(given) };
    throw new Rollback();
  }).catch((error: unknown) => {
    if (!(error instanceof Rollback)) throw error;
  });
  return result!.value;
}

interface Extent {
  /** The parts that `npm test` runs; the matrix runs all of them. */
  everyday?: readonly Part[];
}

const PARTS = {
  redeeming: redeemingContract,
  codes: codesContract,
  installation: installationContract,
  faults: faultsContract,
};
type Part = keyof typeof PARTS;
const NAMES = Object.keys(PARTS) as Part[];

/** Everything that a call does with a client, in a transaction of this library. */
export function adapterContract(
  name: string,
  open: (url: string) => Promise<Adapted>,
  { everyday = NAMES }: Extent = {},
): void {
  const parts = cases(`parts of the contract of ${name}`, NAMES, (part) => everyday.includes(part));
  // Setting up a database takes as long as a part.
  describe.skipIf(parts.length === 0)(`in a transaction of ${name}`, () => {
    const t = useRepository(`adapter ${name}`);
    let library: Adapted;
    const contract: Contract = {
      t,
      transaction: (work, isolation) =>
        library.transaction((given) => work({ ...given, client: given.adapt() }), isolation),
    };
    beforeAll(async () => {
      library = await open(t.url);
    });
    afterAll(() => library?.close());

    it('the same transaction is the same client', async () => {
      expect(await contract.transaction(async ({ client, adapt }) => client === adapt())).toBe(true);
    });
    for (const part of parts) PARTS[part](contract);
  });
}
