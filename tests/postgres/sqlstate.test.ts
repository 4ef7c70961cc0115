import { expect, it } from 'vitest';
import { DriftError } from '../../src/index';
import { sqlStateOf } from '../../src/postgres/sqlstate';

const withCode = (code: string, more = {}) => Object.assign(new Error('text'), { code, ...more });

it.each([
  ['an error of the library whose code has five letters', new DriftError('text', [])],
  ['an error of the operating system', withCode('EPIPE')],
  ['another one', withCode('EPERM', { syscall: 'open' })],
  ['an error of Prisma', withCode('P2010')],
  ['no error at all', 'PC001'],
])('%s has no SQLSTATE', (_, error) => {
  expect(sqlStateOf(error)).toBeUndefined();
});

it('an error of a function of the host has the SQLSTATE that it raises', () => {
  expect(sqlStateOf(withCode('ABORT'))).toBe('ABORT');
});
