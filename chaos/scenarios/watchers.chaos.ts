/** The scenario `watchers`, played by Jest; what it does and promises is in its own file. */
import { watchers } from './watchers';
import { describeScenario } from './testing/describeScenario';

describeScenario(watchers);
