/** The scenario `leases`, played by Jest; what it does and promises is in its own file. */
import { leases } from './leases';
import { describeScenario } from './testing/describeScenario';

describeScenario(leases);
