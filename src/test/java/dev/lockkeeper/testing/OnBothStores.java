package dev.lockkeeper.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Runs each test of a class once on SQLite and once on PostgreSQL. The class has a field {@code @Parameter Stores store = Stores.SQLITE}
 * (of {@code org.junit.jupiter.params}), and opens its databases with {@link Stores#open}.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedClass
@EnumSource(Stores.class)
public @interface OnBothStores {}
