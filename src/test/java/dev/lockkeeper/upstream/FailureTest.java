package dev.lockkeeper.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Failure.Kind;
import dev.lockkeeper.upstream.Failure.Next;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class FailureTest {
    static Stream<Arguments> answers() {
        return Stream.of(
                // the request is at fault
                answer(400, openai("", "invalid_request_error", "null"), Kind.REQUEST, "invalid_request_error"),
                answer(
                        400,
                        openai("", "invalid_request_error", "'unsupported_value'"),
                        Kind.REQUEST,
                        "unsupported_value"),
                answer(
                        400,
                        openai("Invalid value: insufficient balance, api key expired", "invalid_request_error", "null"),
                        Kind.REQUEST,
                        "invalid_request_error"),
                answer(
                        400,
                        openai("", "invalid_request_error", "'previous_response_not_found'"),
                        Kind.REQUEST,
                        "previous_response_not_found"),
                answer(404, openai("No such File object: file-1", "invalid_request_error", "null"), Kind.REQUEST, ""),
                answer(405, openai("Not allowed to POST", "invalid_request_error", "null"), Kind.REQUEST, ""),
                answer(413, openai("", "invalid_request_error", "null"), Kind.REQUEST, ""),
                answer(413, "<html>413</html>", Kind.REQUEST, "http_413"),
                answer(415, openai("", "invalid_request_error", "null"), Kind.REQUEST, ""),
                answer(422, "{'detail':[{'loc':['body'],'msg':'field required'}]}", Kind.REQUEST, "http_422"),
                answer(
                        400,
                        "{'type':'error','error':{'type':'invalid_request_error','message':'max_tokens: required'}}",
                        Kind.REQUEST,
                        "invalid_request_error"),
                answer(
                        400,
                        "{'error':{'code':400,'message':'bad','status':'INVALID_ARGUMENT'}}",
                        Kind.REQUEST,
                        "INVALID_ARGUMENT"),
                answer(400, "{'object':'error','message':'x','type':'BadRequestError','code':400}", Kind.REQUEST, ""),
                // its content is refused
                answer(400, openai("", "invalid_request_error", "'content_policy_violation'"), Kind.POLICY, ""),
                answer(400, openai("", "image_generation_user_error", "'moderation_blocked'"), Kind.POLICY, ""),
                answer(400, openai("", "invalid_request_error", "'invalid_prompt'"), Kind.POLICY, "invalid_prompt"),
                answer(
                        400,
                        "{'error':{'message':'The response was filtered due to the prompt triggering Azure OpenAI\\u0027s"
                                + " content management policy.','type':null,'param':'prompt','code':'content_filter',"
                                + "'status':400,'innererror':{'code':'ResponsibleAIPolicyViolation'}}}",
                        Kind.POLICY,
                        "content_filter"),
                answer(
                        403,
                        "{'error':{'message':'Your chosen model requires moderation and your input was flagged','code':403}}",
                        Kind.POLICY,
                        "http_403"),
                // it is too long
                answer(
                        400,
                        openai(
                                "This model's maximum context length is 8192",
                                "invalid_request_error",
                                "'context_length_exceeded'"),
                        Kind.TOO_LONG,
                        "context_length_exceeded"),
                answer(
                        400,
                        "{'type':'error','error':{'type':'invalid_request_error','message':'prompt is too long: 208310 tokens"
                                + " > 200000 maximum'},'request_id':'req_1'}",
                        Kind.TOO_LONG,
                        ""),
                answer(
                        400,
                        "{'error':{'code':400,'message':'The input token count (1200000) exceeds the maximum number of tokens"
                                + " allowed (1048576).','status':'INVALID_ARGUMENT'}}",
                        Kind.TOO_LONG,
                        ""),
                answer(400, "{'message':'Input is too long for requested model.'}", Kind.TOO_LONG, "http_400"),
                answer(
                        400,
                        "{'error':{'code':400,'message':'the request exceeds the available context size','type':'exceed_context_size_error'}}",
                        Kind.TOO_LONG,
                        "exceed_context_size_error"),
                answer(
                        400,
                        "{'object':'error','message':'This model\\u0027s maximum context length is 4096 tokens.','type':'BadRequestError'}",
                        Kind.TOO_LONG,
                        "BadRequestError"),
                // this target can't, others may
                answer(404, openai("", "invalid_request_error", "'model_not_found'"), Kind.UNFIT, "model_not_found"),
                answer(403, openai("", "invalid_request_error", "'model_not_found'"), Kind.UNFIT, "model_not_found"),
                answer(404, "{'error':{'code':'DeploymentNotFound','message':'no'}}", Kind.UNFIT, "DeploymentNotFound"),
                answer(404, "{'error':{'message':'model \"x\" not found, try pulling it first'}}", Kind.UNFIT, ""),
                answer(404, "{'message':'The model `x` does not exist.','type':'NotFoundError'}", Kind.UNFIT, ""),
                answer(
                        404,
                        "{'type':'error','error':{'type':'not_found_error','message':'model: claude-0'}}",
                        Kind.UNFIT,
                        "not_found_error"),
                answer(404, "404 page not found", Kind.UNFIT, "http_404"),
                answer(405, "<html></html>", Kind.UNFIT, "http_405"),
                answer(501, "", Kind.UNFIT, "http_501"),
                answer(301, "", Kind.UNFIT, "http_301"),
                answer(101, "", Kind.UNFIT, "http_101"),
                answer(403, "<html>cloudflare</html>", Kind.UNFIT, "http_403"),
                answer(
                        403,
                        openai("", "request_forbidden", "'unsupported_country_region_territory'"),
                        Kind.UNFIT,
                        "unsupported_country_region_territory"),
                answer(
                        403,
                        "{'type':'error','error':{'type':'permission_error','message':'no'}}",
                        Kind.UNFIT,
                        "permission_error"),
                answer(
                        400,
                        "{'error':{'code':400,'message':'User location is not supported for the API use.','status':'FAILED_PRECONDITION'}}",
                        Kind.UNFIT,
                        "FAILED_PRECONDITION"),
                answer(
                        400,
                        "{'message':'Invocation of model ID x with on-demand throughput isn\\u0027t supported.'}",
                        Kind.UNFIT,
                        ""),
                answer(
                        429,
                        openai(
                                "Request too large for gpt-4o on tokens per min (TPM): Limit 1, Requested 2.",
                                "tokens",
                                "'rate_limit_exceeded'"),
                        Kind.UNFIT,
                        "rate_limit_exceeded"),
                // the key
                answer(
                        401,
                        openai("Incorrect API key provided", "invalid_request_error", "'invalid_api_key'"),
                        Kind.KEY,
                        "invalid_api_key"),
                answer(401, "", Kind.KEY, "http_401"),
                answer(401, openai("", "invalid_request_error", "'ip_not_authorized'"), Kind.KEY, "ip_not_authorized"),
                answer(
                        400,
                        "{'error':{'code':400,'message':'API key not valid. Please pass a valid API key.','status':'INVALID_ARGUMENT',"
                                + "'details':[{'@type':'type.googleapis.com/google.rpc.ErrorInfo','reason':'API_KEY_INVALID'}]}}",
                        Kind.KEY,
                        "API_KEY_INVALID"),
                answer(
                        403,
                        openai("", "invalid_request_error", "'account_deactivated'"),
                        Kind.KEY,
                        "account_deactivated"),
                // the money
                answer(
                        429,
                        openai("You exceeded your current quota", "insufficient_quota", "'insufficient_quota'"),
                        Kind.QUOTA,
                        "insufficient_quota"),
                answer(
                        429,
                        openai("", "insufficient_quota", "'credit_balance_exhausted'"),
                        Kind.QUOTA,
                        "credit_balance_exhausted"),
                answer(429, openai("", "insufficient_quota", "'project_spend_limit_exceeded'"), Kind.QUOTA, ""),
                answer(
                        402,
                        "{'error':{'message':'Insufficient Balance','type':'unknown_error','code':'invalid_request_error'}}",
                        Kind.QUOTA,
                        ""),
                answer(402, "", Kind.QUOTA, "http_402"),
                answer(
                        400,
                        "{'type':'error','error':{'type':'invalid_request_error','message':'Your credit balance is too low to access the Anthropic API.'}}",
                        Kind.QUOTA,
                        ""),
                answer(
                        429,
                        "{'type':'error','error':{'type':'rate_limit_error','message':'x','details':{'error_code':'enforced_spend_limit_reached'}}}",
                        Kind.QUOTA,
                        "enforced_spend_limit_reached"),
                // too much
                answer(429, openai("", "requests", "'rate_limit_exceeded'"), Kind.BUSY, "rate_limit_exceeded"),
                answer(429, openai("", "rate_limit_error", "'slow_down'"), Kind.BUSY, "slow_down"),
                answer(429, "", Kind.BUSY, "http_429"),
                answer(429, "<html>", Kind.BUSY, "http_429"),
                answer(498, "", Kind.BUSY, "http_498"),
                answer(
                        429,
                        "{'type':'error','error':{'type':'rate_limit_error','message':'x','details':{'error_code':'ramp_limit_exceeded'}}}",
                        Kind.BUSY,
                        "ramp_limit_exceeded"),
                answer(
                        429,
                        "[{'error':{'code':429,'message':'x','status':'RESOURCE_EXHAUSTED'}}]",
                        Kind.BUSY,
                        "RESOURCE_EXHAUSTED"),
                // it failed
                answer(408, "", Kind.BROKEN, "http_408"),
                answer(409, "", Kind.BROKEN, "http_409"),
                answer(424, "", Kind.BROKEN, "http_424"),
                answer(499, "", Kind.BROKEN, "http_499"),
                answer(500, openai("", "server_error", "null"), Kind.BROKEN, "server_error"),
                answer(502, "<html>Bad Gateway</html>", Kind.BROKEN, "http_502"),
                answer(
                        503,
                        openai("", "service_unavailable_error", "'server_is_overloaded'"),
                        Kind.BROKEN,
                        "server_is_overloaded"),
                answer(
                        503,
                        "{'error':{'code':503,'message':'overloaded','status':'UNAVAILABLE'}}",
                        Kind.BROKEN,
                        "UNAVAILABLE"),
                answer(
                        504,
                        "{'type':'error','error':{'type':'timeout_error','message':'x'}}",
                        Kind.BROKEN,
                        "timeout_error"),
                answer(
                        529,
                        "{'type':'error','error':{'type':'overloaded_error','message':'Overloaded'}}",
                        Kind.BROKEN,
                        "overloaded_error"),
                // the way there
                answer(407, "", Kind.UNREACHED, "http_407"));
    }

    private static String openai(String message, String type, String code) {
        return "{'error':{'message':'%s','type':'%s','param':null,'code':%s}}"
                .formatted(message.replace("'", "\\u0027"), type, code);
    }

    private static Arguments answer(int status, String body, Kind kind, String code) {
        return Arguments.of(status, body.replace('\'', '"').replace("\"x\" not", "'x' not"), kind, code);
    }

    @ParameterizedTest
    @MethodSource("answers")
    void anAnswerIsOfOneKind(int status, String body, Kind kind, String code) {
        Failure failure = Failure.of(status, Headers.empty(), Bytes.utf8(body));

        assertThat(failure.kind()).isEqualTo(kind);
        assertThat(failure.next()).isEqualTo(kind.next());
        assertThat(failure.afterMillis()).isEqualTo(-1);
        if (!code.isEmpty()) {
            assertThat(failure.code()).isEqualTo(code);
        }
    }

    @Test
    void theTableHasEveryKindThatAnAnswerCanBe() {
        Set<Object> kinds = new LinkedHashSet<>();
        answers().forEach(row -> kinds.add(row.get()[2]));

        assertThat(kinds)
                .containsAll(Arrays.stream(Kind.values())
                        .filter(kind -> kind != Kind.SILENT && kind != Kind.OURS)
                        .toList());
    }

    @ParameterizedTest
    @CsvSource({
        "ThrottlingException:http://internal.amazon.com/coral/,429,BUSY",
        "ModelNotReadyException,429,BUSY",
        "ServiceQuotaExceededException,400,QUOTA",
        "AccessDeniedException,403,UNFIT",
        "com.amazon.coral#ExpiredTokenException,403,KEY",
        "UnrecognizedClientException,403,KEY",
        "ValidationException,400,REQUEST",
        "ModelTimeoutException,408,BROKEN",
        "ModelErrorException,424,BROKEN",
        "InternalServerException,500,BROKEN"
    })
    void amazonNamesItsErrorsInTheHead(String type, int status, Kind kind) {
        Headers headers = Headers.empty().set("x-amzn-ErrorType", type);

        Failure failure = Failure.of(status, headers, Bytes.utf8("{\"message\":\"x\"}"));

        assertThat(failure.kind()).isEqualTo(kind);
        assertThat(failure.code()).isNotEmpty().doesNotContain(":", "#").isNotEqualTo("http_" + status);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'error':{'type':'overloaded_error','message':'x'}}|BROKEN",
                "{'type':'error','error':{'type':'rate_limit_error','message':'x'}}|BUSY",
                "{'type':'error','error':{'type':'api_error','message':'x'}}|BROKEN",
                "{'type':'error','error':{'type':'authentication_error','message':'x'}}|KEY",
                "{'type':'error','error':{'type':'permission_error','message':'x'}}|UNFIT",
                "{'type':'error','error':{'type':'invalid_request_error','message':'x'}}|REQUEST",
                "{'type':'error','error':{'type':'invalid_request_error','message':'prompt is too long: 1'}}|TOO_LONG",
                "{'type':'error','code':'server_is_overloaded','message':'x','param':null,'sequence_number':3}|BROKEN",
                "{'type':'error','code':'rate_limit_exceeded','message':'x','param':null}|BUSY",
                "{'type':'error','code':'insufficient_quota','message':'x','param':null}|QUOTA",
                "{'type':'response.failed','response':{'status':'failed','error':{'code':'server_error','message':'x'}}}|BROKEN",
                "{'type':'response.failed','response':{'error':{'code':'rate_limit_exceeded','message':'x'}}}|BUSY",
                "{'type':'response.failed','response':{'error':{'code':'invalid_prompt','message':'x'}}}|POLICY",
                "{'type':'response.failed','response':{'error':{'code':'context_length_exceeded','message':'x'}}}|TOO_LONG",
                "{'type':'response.failed','response':{'error':{'code':'image_too_large','message':'x'}}}|REQUEST",
                "{'type':'response.failed','response':{'error':{'code':'invalid_base64_image','message':'x'}}}|REQUEST",
                "{'error':{'code':429,'message':'x'}}|BUSY",
                "{'error':{'code':502,'message':'x'},'choices':[{'finish_reason':'error'}]}|BROKEN",
                "{'error':{'code':503,'message':'x','status':'UNAVAILABLE'}}|BROKEN",
                "{'error':{'code':400,'message':'x','status':'INVALID_ARGUMENT'}}|REQUEST",
                "{'error':'something'}|BROKEN",
                "garbage|BROKEN"
            })
    void anErrorInsideAStreamIsOfTheKindThatItsWordsSay(String event, Kind kind) {
        assertThat(Failure.told(Bytes.utf8(event.replace('\'', '"'))).kind()).isEqualTo(kind);
    }

    @Test
    void aWaitThatIsAskedForInsideAStreamIsRead() {
        assertThat(Failure.told(Bytes.utf8(
                                "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"try again in 20ms\"}}"))
                        .afterMillis())
                .isEqualTo(20);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                // a number of seconds, a number of milliseconds, both
                "retry-after|7|7000",
                "retry-after|0|0",
                "retry-after|0.25|250",
                "retry-after| 3 |3000",
                "retry-after-ms|1500|1500",
                "retry-after-ms|0.4|1",
                // dates, counted from the answer's own
                "retry-after|Sun, 22 Nov 2026 10:00:30 GMT|30000",
                "retry-after|Sun, 22 Nov 2026 09:00:00 GMT|0",
                "retry-after|Mon, 22 Nov 2100 09:00:00 GMT|86400000",
                "retry-after|Sun, 99 Nov 2026 09:00:00 GMT|-1",
                // what nobody can mean
                "retry-after|-5|-1",
                "retry-after|NaN|-1",
                "retry-after|Infinity|-1",
                "retry-after|1e9|-1",
                "retry-after|0x10|-1",
                "retry-after|soon|-1",
                "retry-after||-1",
                "retry-after|999999999999999999|86400000",
                "retry-after|99999999999999999999999999|-1",
                "retry-after-ms|-1|-1",
                "retry-after-ms|9223372036854775808|-1"
            })
    void theHeadSaysWhenItMayBeAskedAgain(String field, String value, long millis) {
        Headers headers =
                Headers.empty().set("date", "Sun, 22 Nov 2026 10:00:00 GMT").set(field, value == null ? "" : value);

        assertThat(Failure.of(429, headers, Bytes.EMPTY).afterMillis()).isEqualTo(millis);
    }

    @Test
    void millisecondsGoBeforeSecondsAndTheHeadBeforeTheBody() {
        Bytes body = Bytes.utf8("{\"error\":{\"message\":\"Please try again in 9s.\"}}");
        Headers headers = Headers.empty().set("retry-after", "2");

        assertThat(Failure.of(429, Headers.empty(), body).afterMillis()).isEqualTo(9_000);
        assertThat(Failure.of(429, headers, body).afterMillis()).isEqualTo(2_000);
        assertThat(Failure.of(429, headers.set("retry-after-ms", "150"), body).afterMillis())
                .isEqualTo(150);
    }

    @Test
    void aDateWithoutTheAnswersOwnIsCountedFromNowIfThatIsKnown() {
        Headers headers = Headers.empty().set("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT");

        assertThat(Failure.of(503, headers, Bytes.EMPTY).afterMillis()).isEqualTo(-1);
        assertThat(Failure.of(503, headers, Bytes.EMPTY, 20_000).afterMillis()).isEqualTo(40_000);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "Limit 3, Used 3, Requested 1. Please try again in 20s. Visit https://x|20000",
                "Please try again in 1.2s.|1200",
                "Please try again in 6m0s.|360000",
                "Please try again in 812ms.|812",
                "Please try again in 1h2m3.5s|3723500",
                "Please retry in 17 seconds.|17000",
                "Please retry after 26 seconds.|26000",
                "Try again in a moment.|-1",
                "try again in 99999999999999s|-1",
                "try again in 999999999h|86400000"
            })
    void aMessageSaysIt(String message, long millis) {
        Bytes body = Bytes.utf8("{\"error\":{\"message\":\"" + message + "\"}}");

        assertThat(Failure.of(429, Headers.empty(), body).afterMillis()).isEqualTo(millis);
    }

    @ParameterizedTest
    @CsvSource({"17s,17000", "0.5s,500", "3.000000001s,3001", "-3s,-1", "soon,-1", "99999999999s,86400000"})
    void googlesRetryInfoSaysIt(String delay, long millis) {
        Bytes body = Bytes.utf8("""
                {"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"x","details":[
                 {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[]},
                 {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"%s"}]}}
                """.formatted(delay));

        assertThat(Failure.of(429, Headers.empty(), body).afterMillis()).isEqualTo(millis);
    }

    @ParameterizedTest
    @CsvSource({
        "400,true,REQUEST,AGAIN",
        "400,false,REQUEST,TELL",
        "429,false,BUSY,ELSEWHERE",
        "429,true,BUSY,AGAIN",
        "503,false,BROKEN,ELSEWHERE",
        "503,maybe,BROKEN,AGAIN",
        "401,true,KEY,OTHER_KEY",
        "407,false,UNREACHED,ELSEWHERE"
    })
    void aProviderMaySayItselfWhetherToTryAgain(int status, String should, Kind kind, Next next) {
        Failure failure = Failure.of(status, Headers.empty().set("x-should-retry", should), Bytes.EMPTY);

        assertThat(failure.kind()).isEqualTo(kind);
        assertThat(failure.next()).isEqualTo(next);
    }

    @ParameterizedTest
    @EnumSource(Fault.Kind.class)
    void everyFaultOfAConnectionIsOfAKind(Fault.Kind fault) {
        Failure failure = Failure.of(new Fault(fault, "somewhere"));

        assertThat(failure.kind()).isIn(Kind.UNREACHED, Kind.BROKEN, Kind.SILENT, Kind.OURS);
        assertThat(failure.isIllness()).isEqualTo(failure.kind() != Kind.OURS);
    }

    @Test
    void aCodeIsANameOrIsNotTold() {
        Bytes body = Bytes.utf8("{\"error\":{\"code\":\"a\\nb: <script>\",\"type\":\"" + "x".repeat(65) + "\"}}");

        assertThat(Failure.of(500, Headers.empty(), body).code()).isEqualTo("http_500");
    }

    @Property(tries = 2_000)
    void noAnswerMakesItThrow(
            @ForAll int status,
            @ForAll("values") String after,
            @ForAll("values") String afterMillis,
            @ForAll("values") String date,
            @ForAll("bodies") String body) {
        Headers headers = Headers.empty()
                .set("retry-after", after)
                .set("retry-after-ms", afterMillis)
                .set("date", date)
                .set("x-should-retry", after)
                .set("x-amzn-errortype", date);

        for (Failure each :
                new Failure[] {Failure.of(status, headers, Bytes.utf8(body), 1_000), Failure.told(Bytes.utf8(body))}) {
            assertThat(each.code()).hasSizeBetween(1, 64);
            assertThat(each.afterMillis()).isBetween(-1L, 86_400_000L);
        }
    }

    @Provide
    Arbitrary<String> values() {
        return Arbitraries.oneOf(
                Arbitraries.strings().withCharRange(' ', '~').ofMaxLength(80),
                Arbitraries.longs().map(String::valueOf),
                Arbitraries.doubles().map(String::valueOf),
                Arbitraries.of(
                        "Sun, 22 Nov 2026 10:00:00 GMT", "Sun, 22 Nov +999999999 10:00:00 GMT", "true", "false"));
    }

    @Provide
    Arbitrary<String> bodies() {
        Arbitrary<String> scalar = Arbitraries.oneOf(
                Arbitraries.of("null", "1e999999999", "-1", "429", "99999999999999999999", "[]", "{}", "\"\"", "true"),
                Arbitraries.strings()
                        .withCharRange(' ', '~')
                        .ofMaxLength(30)
                        .map(text -> "\"" + text.replace("\\", "").replace("\"", "") + "\""),
                Arbitraries.of(
                        "\"try again in 9999999999999999s\"",
                        "\"insufficient_quota\"",
                        "\"context length\"",
                        "\"model: x\""));
        Arbitrary<String> object = Arbitraries.maps(
                        Arbitraries.of(
                                "error",
                                "code",
                                "type",
                                "message",
                                "param",
                                "status",
                                "details",
                                "innererror",
                                "@type",
                                "reason",
                                "retryDelay",
                                "response",
                                "error_code"),
                        Arbitraries.lazyOf(() -> scalar, () -> scalar, () -> scalar.map(each -> "[" + each + "]")))
                .ofMaxSize(6)
                .map(FailureTest::object);
        return Arbitraries.oneOf(
                Arbitraries.strings().ofMaxLength(60),
                object,
                object.map(inner -> "{\"error\":" + inner + "}"),
                object.map(inner -> "[{\"error\":{\"details\":[" + inner + "]}}]"),
                object.map(inner -> "{\"response\":{\"error\":" + inner + "}}"),
                Arbitraries.of("[".repeat(10_000), "{\"error\":".repeat(2_000)));
    }

    private static String object(java.util.Map<String, String> members) {
        StringBuilder text = new StringBuilder("{");
        members.forEach((name, value) -> text.append(text.length() == 1 ? "" : ",")
                .append('"')
                .append(name)
                .append("\":")
                .append(value));
        return text.append('}').toString();
    }
}
