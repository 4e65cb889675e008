/** The scenario `disk`, played by Jest; what it does and promises is in its own file. */
import { disk } from './faultRuns';
import { describeScenario } from './testing/describeScenario';

describeScenario(disk);
