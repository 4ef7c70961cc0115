import { type Command, Option } from 'commander';
import { orNone, wholeNumber } from './parse.js';

type CampaignCommands = typeof import('./commands/campaign.js');
/** Makes an action of a function of `commands/campaign.ts`, which is loaded when it is run. */
type Does = (name: keyof CampaignCommands) => (...values: unknown[]) => Promise<void>;

const MOST = 2_147_483_647;
const text = (given: string): string => given;

/** The fields of a campaign. */
function addFields(command: Command): Command {
  return command
    .option('--total-usage-limit <n>', 'uses of all its codes together, or none', orNone(wholeNumber(1, MOST)))
    .option('--per-customer-limit <n>', 'uses of one customer, of all its codes, or none', orNone(wholeNumber(1, MOST)))
    .option('--max-total-bonus <amount>', 'the budget of all its codes together, or none', orNone(text))
    .addOption(new Option('--budget-overrun <what>', 'what a use beyond the budget is').choices(['refuse', 'cap']))
    .option('--start-date <date>', 'first moment, such as 2026-06-01T00:00:00Z, or none', orNone(text))
    .option('--end-date <date>', 'last moment, or none', orNone(text));
}

/** `campaign` with the commands below it. */
export function addCampaignCommands(program: Command, does: Does, examples: (...lines: string[]) => string): void {
  const campaign = program
    .command('campaign')
    .summary('codes under shared limits: list, show, create, update, add, remove, delete')
    .description('Shows and changes campaigns: codes under shared limits of uses, of uses by a customer, and of money.')
    .addHelpText(
      'after',
      examples(
        'campaign create Summer --shop shop-1 --total-usage-limit 5000 --per-customer-limit 2',
        'campaign add 1 SUMMER WELCOME',
        'campaign list --shop shop-1 --state redeemable',
        'campaign show 1 --json',
        'campaign update 1 --max-total-bonus 10000 --end-date none',
        'campaign remove 1 WELCOME',
        'campaign delete 1 --yes',
      ),
    );
  /** One that is about a campaign which is there. */
  const ofOne = (usage: string, summary: string) =>
    campaign
      .command(usage)
      .description(summary)
      .argument('<id>', 'the campaign')
      .option('--shop <id>', 'the shop that it must be of');

  campaign
    .command('list')
    .description('Lists campaigns, the newest first.')
    .option('--shop <id>', 'only campaigns of this shop')
    .addOption(
      new Option('--state <state>', 'only those in this state').choices([
        ...['redeemable', 'scheduled', 'expired', 'used_up', 'inactive'],
      ]),
    )
    .option('--search <text>', 'only those with this text in their name')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 10_000), 50)
    .option('--cursor <cursor>', 'goes on after an earlier page')
    .action(does('listCampaigns'));
  ofOne('show', 'Shows a campaign, with its codes that were used most.').action(does('showCampaign'));
  addFields(
    campaign
      .command('create')
      .description('Creates a campaign, which has no code yet.')
      .argument('<name>', 'its name')
      .option('--shop <id>', 'the shop whose codes can be in it')
      .option('--inactive', 'create it switched off'),
  ).action(does('createCampaign'));
  addFields(
    ofOne('update', 'Changes a campaign; what is not given stays.')
      .option('--name <name>', 'its new name')
      .option('--active', 'switch it on')
      .addOption(new Option('--inactive', 'switch it off').conflicts('active')),
  ).action(does('updateCampaign'));
  ofOne('add', 'Puts codes into a campaign. Their uses count there from then on.')
    .argument('<codes...>', 'the codes, by their names')
    .option('--move', 'take them out of the campaigns that they are in')
    .action(does('addCodes'));
  ofOne('remove', 'Takes codes out of a campaign. Their uses count there no more.')
    .argument('<codes...>', 'the codes, by their names')
    .action(does('removeCodes'));
  ofOne('delete', 'Deletes a campaign. Its codes stay, and are in no campaign.')
    .option('-y, --yes', 'do not ask')
    .action(does('deleteCampaign'));
}
