// As pg-promo-codes.d.ts, for its adapters.
export * from '../src/adapters/index.js';
