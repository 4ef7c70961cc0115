import fc from 'fast-check';
import { expect, it } from 'vitest';
import { defaultLibrarySchema } from '../../src/host/library-schema';

const bytes = (text: string) => Buffer.byteLength(text);

it.each([
  ['public', 'pgpromocodes'],
  ['shop', 'pgpromocodes_shop'],
  ['My "shop"', 'pgpromocodes_My "shop"'],
  ['x'.repeat(50), `pgpromocodes_${'x'.repeat(50)}`],
])('the library schema of %s', (schema, expected) => {
  expect(defaultLibrarySchema(schema)).toBe(expected);
});

it('a name that would be too long is shortened, always in the same way', () => {
  const long = 'x'.repeat(51);
  expect(defaultLibrarySchema(long)).toMatch(/^pgpromocodes[0-9a-f]{20}_x{30}$/);
  expect(defaultLibrarySchema(long)).toBe(defaultLibrarySchema(long));
});

it('a shortened name ends with a whole character', () => {
  const name = defaultLibrarySchema(`ab${'😀'.repeat(15)}`);
  expect(name).toMatch(/_ab(?:😀){7}$/u);
  expect(name.isWellFormed()).toBe(true);
});

it('every schema has a legal name of its own, also one that is called like the library schema of another', () => {
  const schema = fc
    .oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 63 }), fc.string({ minLength: 1, maxLength: 63 }))
    .filter((name) => bytes(name) <= 63 && name.isWellFormed());
  const afterPrefix = (name: string) => name.slice('pgpromocodes_'.length);
  fc.assert(
    fc.property(schema, schema, (one, other) => {
      const name = defaultLibrarySchema(one);
      expect(bytes(name)).toBeLessThanOrEqual(63);
      for (const second of [other, afterPrefix(name)]) {
        if (second !== one && second !== '') expect(defaultLibrarySchema(second)).not.toBe(name);
      }
    }),
  );
});

it('long schemas that begin alike have different names', () => {
  const names = ['a', 'b', 'c'].map((end) => defaultLibrarySchema(`${'x'.repeat(60)}${end}`));
  expect(new Set(names).size).toBe(3);
});
