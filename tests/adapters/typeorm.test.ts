import { DataSource } from 'typeorm';
import { fromTypeOrm } from '../../src/adapters/index';
import { parsers } from './adapted';
import { adapterContract } from './contract';

adapterContract(
  'TypeORM',
  async (url) => {
    const dataSource = new DataSource({ type: 'postgres', url, parseInt8: true, extra: { types: parsers } });
    await dataSource.initialize();
    return {
      transaction: (work, isolation) =>
        dataSource.transaction(isolation === 'repeatable read' ? 'REPEATABLE READ' : 'READ COMMITTED', (manager) =>
          work({
            adapt: () => fromTypeOrm(manager),
            run: (text) => manager.query(text),
          }),
        ),
      close: () => dataSource.destroy(),
    };
  },
  { everyday: ['redeeming'] },
);
