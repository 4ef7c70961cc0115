import type { RenderOptions } from '../../src/index';
import type { Project } from './project';

/** Makes the migration of an example one for tables that are there, as they are described. */
export function withOptions(project: Project, file: string): (options: RenderOptions) => undefined {
  let example: string | undefined;
  return (options) => {
    example ??= project.read(file);
    const described = JSON.stringify(options);
    project.write(
      file,
      example
        .replace("renderSql('schema')", () => `renderSql('triggers', ${described})`)
        .replace("renderSql('uninstall')", () => `renderSql('uninstall', ${described})`),
    );
    return undefined;
  };
}
