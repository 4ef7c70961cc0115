import { guidePages } from '../.vitepress/pages';
import { filePages } from '../.vitepress/repository-files';

export default { paths: () => filePages(guidePages()) };
