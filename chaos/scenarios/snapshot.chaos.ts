/** The scenario `snapshot`, played by Jest; what it does and promises is in its own file. */
import { snapshot } from './snapshot';
import { describeScenario } from './testing/describeScenario';

describeScenario(snapshot);
