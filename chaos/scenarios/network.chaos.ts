/** The scenario `network`, played by Jest; what it does and promises is in its own file. */
import { network } from './faultRuns';
import { describeScenario } from './testing/describeScenario';

describeScenario(network);
