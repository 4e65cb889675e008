/** The state of a member on disk: what the server names. */
export { StateDirectory } from './stateDirectory';
export { loadLmdb } from './loadLmdb';
