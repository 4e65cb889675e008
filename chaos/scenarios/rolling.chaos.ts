/** The scenario `rolling`, played by Jest; what it does and promises is in its own file. */
import { rolling } from './faultRuns';
import { describeScenario } from './testing/describeScenario';

describeScenario(rolling);
