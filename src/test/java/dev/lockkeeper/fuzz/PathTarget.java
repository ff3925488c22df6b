package dev.lockkeeper.fuzz;

import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.http.QueryString;
import java.util.List;
import java.util.Map;

/** A path and a query: an endpoint or none, with ids that can't be mistaken for more path; parameters, none lost. */
public final class PathTarget {
    private static final String[] METHODS = {"GET", "POST", "DELETE", "PUT", "PATCH", ""};

    private PathTarget() {}

    /** What Jazzer calls. */
    public static void fuzzerTestOneInput(byte[] data) {
        Input input = new Input(data);
        String text = input.text();
        int question = text.indexOf('?');
        String path = question < 0 ? text : text.substring(0, question);
        switch (Endpoints.match(METHODS[input.choice(METHODS.length)], path)) {
            case Endpoints.Match.Found(var endpoint, List<String> ids) -> {
                Input.same(endpoint.names().size(), ids.size(), "ids");
                for (String id : ids) {
                    boolean model = endpoint.path().startsWith("/v1/models/");
                    Input.check(!id.isEmpty() && (model || id.length() <= Endpoints.MAX_ID), "an id's length");
                    Input.check(model || id.chars().noneMatch(c -> "/\\?#%\r\n ".indexOf(c) >= 0), "an id: " + id);
                }
            }
            case Endpoints.Match.WrongMethod(List<String> allowed) -> Input.check(!allowed.isEmpty(), "none allowed");
            case Endpoints.Match.Unknown _ -> {}
        }
        String query = question < 0 ? null : text.substring(question + 1);
        Map<String, List<String>> parameters = QueryString.parameters(query);
        int all = parameters.values().stream().mapToInt(List::size).sum();
        Input.check(all <= QueryString.MAX_PARAMETERS, all + " parameters");
        Input.same(parameters.keySet(), QueryString.lastValues(query).keySet(), "names");
    }
}
