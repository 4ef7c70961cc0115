// A PostgreSQL to try things with, from npm or a container (see tests/server), until Ctrl-C:
//
//   npm run server
//
// It prints what to put into the environment. What is in it is gone when it ends.
import { startServer } from '../tests/server/start-server.ts';

const server = await startServer();
const waiting = setInterval(() => {}, 1_000_000);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, async () => {
    clearInterval(waiting);
    await server.stop();
  });
}
process.stdout.write(`# ${server.description}; Ctrl-C ends it\nexport DATABASE_URL='${server.url}'\n`);
