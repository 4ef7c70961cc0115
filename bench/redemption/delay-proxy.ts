import net from 'node:net';

/** A process of its own in front of the server that gives every message to it a delay: `delay-proxy host port ms`. */
const [host = '127.0.0.1', port = '5432', delay = '1'] = process.argv.slice(2);
const delayMs = Number(delay);

const server = net.createServer((client) => {
  const upstream = net.connect(Number(port), host);
  for (const socket of [client, upstream]) {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
  }
  client.on('data', (data) => setTimeout(() => upstream.write(data), delayMs));
  upstream.on('data', (data) => client.write(data));
  client.on('close', () => setTimeout(() => upstream.end(), delayMs));
  upstream.on('close', () => client.destroy());
});
server.listen(0, '127.0.0.1', () => process.send!((server.address() as net.AddressInfo).port));
process.on('disconnect', () => process.exit());
