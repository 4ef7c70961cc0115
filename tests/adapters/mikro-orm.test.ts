import { EntitySchema, IsolationLevel, MikroORM } from '@mikro-orm/postgresql';
import { fromMikroOrm } from '../../src/adapters/index';
import { parsers } from './adapted';
import { adapterContract } from './contract';

// MikroORM 7 asks for Node.js 22 in its `engines`, and runs on 20.
adapterContract(
  'MikroORM',
  async (url) => {
    // A host has one entity at least.
    const Order = new EntitySchema({ name: 'Order', properties: { id: { type: 'number', primary: true } } });
    const orm = await MikroORM.init({ clientUrl: url, entities: [Order], driverOptions: { types: parsers } });
    return {
      transaction: (work, isolation) =>
        orm.em.fork().transactional(
          (em) =>
            work({
              adapt: () => fromMikroOrm(em),
              run: (text) => em.getConnection().execute(text, [], 'all', em.getTransactionContext()),
            }),
          {
            isolationLevel:
              isolation === 'repeatable read' ? IsolationLevel.REPEATABLE_READ : IsolationLevel.READ_COMMITTED,
          },
        ),
      close: () => orm.close(),
    };
  },
  { everyday: ['redeeming'] },
);
