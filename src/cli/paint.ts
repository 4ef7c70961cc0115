import pc from 'picocolors';

type Colors = Record<'red' | 'green' | 'yellow', (text: string) => string>;

/** Colours, or none. */
export function paint(isColored: boolean): Colors {
  const { red, green, yellow } = pc.createColors(isColored);
  return { red, green, yellow };
}
