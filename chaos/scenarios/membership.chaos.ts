/** The scenario `membership`, played by Jest; what it does and promises is in its own file. */
import { membership } from './faultRuns';
import { describeScenario } from './testing/describeScenario';

describeScenario(membership);
