import { Sequelize, Transaction } from 'sequelize';
import { fromSequelize } from '../../src/adapters/index';
import { adapterContract } from './contract';

adapterContract(
  'Sequelize',
  async (url) => {
    // Without `quoteIdentifiers`, as hosts have it that do not want to write quotation marks.
    const sequelize = new Sequelize(url, { logging: false, quoteIdentifiers: false, define: { underscored: true } });
    return {
      transaction: (work, isolation) => {
        const isolationLevel =
          Transaction.ISOLATION_LEVELS[isolation === 'repeatable read' ? 'REPEATABLE_READ' : 'READ_COMMITTED'];
        return sequelize.transaction({ isolationLevel }, (transaction) =>
          work({
            adapt: () => fromSequelize(transaction),
            run: (text) => sequelize.query(text, { transaction }),
          }),
        );
      },
      close: () => sequelize.close(),
    };
  },
  { everyday: ['redeeming'] },
);
