/**
 * `npm run demo`: how counters drift, and how they stop. It starts a real PostgreSQL, lets an application make the
 * mistakes of the original bug report, installs the triggers while that application goes on, puts codes under the limit of a
 * campaign, and then does its worst: concurrent writes of every kind, broken connections, killed backends and a crash of the
 * server, with drift checks all along. The exit code is 0 only if every counter was true at every check.
 *
 * `npm run demo -- --sabotage` switches a trigger off in mid-load: the demo must notice, and end with exit code 1.
 */
import { parseArgs } from 'node:util';
import { showCampaign } from './demo/campaign';
import { showDriftBefore } from './demo/drift-before';
import { showInstallation } from './demo/installation';
import { runDemo } from './demo/lifecycle';
import { showLoad } from './demo/load';
import { print } from './demo/print';
import { showProof } from './demo/proof';

const { values: options } = parseArgs({ options: { sabotage: { type: 'boolean', default: false } } });

await runDemo(async (demo) => {
  print(demo.server.description);
  const drifted = await showDriftBefore(demo);
  await showInstallation(demo, drifted);
  const campaign = await showCampaign(demo);
  const done = await showLoad(demo, campaign, options);
  await showProof(demo, campaign, done);
});
