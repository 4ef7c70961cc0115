import { expect, it } from 'vitest';
import { TooLate, within } from '../../torture/limits';

it('a step that does not end is given up, and one that ends or fails is what it is', async () => {
  await expect(within(20, 'The step', new Promise(() => {}))).rejects.toThrow(TooLate);
  await expect(within(20, 'The step', new Promise(() => {}))).rejects.toThrow('The step took longer than 0.02 s');
  expect(await within(60_000, 'The step', Promise.resolve('done'))).toBe('done');
  await expect(within(60_000, 'The step', Promise.reject(new Error('of its own')))).rejects.toThrow('of its own');
});
