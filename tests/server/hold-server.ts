// A program for server.test.ts to interrupt: it starts a server, says where, and then waits or ends without stop().
import { startServer } from './start-server';

const server = await startServer();
process.stdout.write(`${JSON.stringify({ url: server.url, description: server.description })}\n`);
if (process.argv[2] !== 'end') setInterval(() => {}, 60_000);
