// As pg-promo-codes.d.ts, for its testing support.
export * from '../src/testing/index.js';
