/** Waits until a promise is settled, or the time is over. */
export async function settlesWithin(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([over, promise.catch(() => undefined)]);
  clearTimeout(timer);
}
