import { describe, expect, it } from 'vitest';
import { renderSql } from '../../src/index';
import { clientToolOrSkip, isWhole, runTool, useDatabase } from '../support';
import { commandOfPage, SLOW, useProject } from './project';
import { migrationRecipe } from './recipe';

const psql = clientToolOrSkip('psql');
const project = useProject('psql');

describe.runIf(psql)('the recipe', SLOW, () => {
  migrationRecipe('psql', {
    project,
    async inProcess(url) {
      const args = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '--single-transaction', '-f', '-', url];
      const env = { PGOPTIONS: '-c client_min_messages=warning' };
      expect(await runTool(psql!, args, { env, input: renderSql('schema') })).toMatchObject({ code: 0, stderr: '' });
    },
    up: commandOfPage('./migrate.sh schema'),
    nothingToDo: /^$/,
    down: commandOfPage('./migrate.sh uninstall'),
    describeHost(options) {
      project.write('promo-codes.json', JSON.stringify(options));
      const config = '--config promo-codes.json';
      return { up: `./migrate.sh triggers ${config}`, down: `./migrate.sh uninstall ${config}` };
    },
  });
});

describe.runIf(isWhole && psql)('migrate.sh', SLOW, () => {
  const t = useDatabase('psql error');

  it('ends with an error where the script cannot be written', async () => {
    const { code, said } = await project.run('./migrate.sh trigger', t.url);
    expect({ code, said }).toEqual({ code: 2, said: expect.stringContaining('Did you mean triggers?') });
  });
});
