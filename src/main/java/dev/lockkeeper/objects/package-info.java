/** Which project made each object that lives at a provider, and at which provider. Any thread; what blocks says so. */
@NullMarked
package dev.lockkeeper.objects;

import org.jspecify.annotations.NullMarked;
