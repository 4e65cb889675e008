/** The scenario `power`, played by Jest; what it does and promises is in its own file. */
import { power } from './faultRuns';
import { describeScenario } from './testing/describeScenario';

describeScenario(power);
