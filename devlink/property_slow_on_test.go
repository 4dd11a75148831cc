//go:build race || devlinkdebug

package devlink_test

// slowBuild: everything takes ten times as long.
const slowBuild = true
