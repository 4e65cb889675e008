/** The scenario `easegress`, played by Jest; what it does and promises is in its own file. */
import { easegress } from './easegress';
import { describeScenario } from './testing/describeScenario';

describeScenario(easegress);
