package dev.lockkeeper.observe;

import dev.lockkeeper.http.ClientSettings;
import java.net.URI;
import org.jspecify.annotations.Nullable;

/**
 * Where alerts are sent.
 *
 * @param url http or https; null: nowhere, they are logged alone
 * @param secret what signs them; secret
 * @param privateAddresses whether loopback, link-local and private addresses may be sent to
 * @param proxy what stands between; null to connect directly
 */
public record AlertSettings(
        @Nullable URI url, String secret, boolean privateAddresses, ClientSettings.@Nullable Proxy proxy) {
    /** To the log alone. */
    public static final AlertSettings LOG_ONLY = new AlertSettings(null, "", false, null);

    /** Nothing of the secret. */
    @Override
    public String toString() {
        return "AlertSettings[" + url + (proxy == null ? "" : " through " + proxy) + "]";
    }
}
