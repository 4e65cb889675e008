/**
 * Scripts about membership changes: `simple`, `enter-joint` and `leave-joint` on one
 * configuration, whose members' progress shows when it was made: `next` is the number of the
 * directive that added the member.
 */
import { changeSimply, enterJoint, leaveJoint, type ChangeResult } from '../../src/raft/membership';
import { Tracker } from '../../src/raft/tracker';
import { valuesOf, type Directive } from './datadriven';
import { describeConf, describeProgressMap, parseChanges } from './describe';

/** Handles the directives of one script, from the empty configuration on. */
export function changeHandler(): (directive: Directive) => string {
  const tracker = new Tracker(10, Infinity);
  let directivesBefore = 0;
  return (directive) => {
    const lastIndex = directivesBefore++;
    const result = change(tracker, directive);
    if (typeof result === 'string') return result;
    if (!result.ok) return `${result.reason}\n`;
    tracker.install(result.conf, result.added, Math.max(lastIndex, 1));
    const members = tracker.members.map((progress) => progress.status());
    return `${describeConf(tracker.conf)}\n${describeProgressMap(members)}`;
  };
}

function change(tracker: Tracker, directive: Directive): ChangeResult | string {
  const unknown = directive.args.find(({ key }) => key !== 'autoleave');
  if (unknown !== undefined) return `unknown argument ${unknown.key}`;
  const changes = parseChanges(directive.input);
  if (changes instanceof Error) return changes.message;
  switch (directive.command) {
    case 'simple':
      return changeSimply(tracker.conf, changes);
    case 'enter-joint':
      return enterJoint(tracker.conf, valuesOf(directive, 'autoleave')?.[0] === 'true', changes);
    case 'leave-joint':
      if (changes.length > 0) return 'this command takes no input\n';
      return leaveJoint(tracker.conf);
    default:
      return 'unknown command';
  }
}
